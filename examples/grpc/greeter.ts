import { type GreeterServer, GreeterService, type GreetRequest } from "./greeter_pb.ts";

/** What a call of any kind is to who only asks where it comes from. */
type AnyCall = Parameters<GreeterServer["greet"]>[0] | Parameters<GreeterServer["converse"]>[0];

/**
 * The definition and the implementation of the greeter, as a server takes them.
 *
 * @param replica The name it answers with.
 * @param onCall Told of each unary call and each conversation.
 */
export function greeter(replica: string, onCall: (call: AnyCall) => void): [typeof GreeterService, GreeterServer] {
  const greeting = (text: string) => ({ text, replica });
  return [GreeterService, {
    greet(call, callback) {
      onCall(call);
      callback(null, greeting(`Hello, ${call.request.name}`));
    },
    greetOften(call) {
      for (let i = 1; i <= call.request.times; i++) call.write(greeting(`Hello, ${call.request.name} (${i})`));
      call.end();
    },
    greetAll(call, callback) {
      const names: string[] = [];
      call.on("data", ({ name }: GreetRequest) => names.push(name));
      call.on("end", () => callback(null, greeting(`Hello, ${names.join(", ")}`)));
    },
    converse(call) {
      onCall(call);
      call.on("data", ({ name }: GreetRequest) => call.write(greeting(`Hello, ${name}`)));
      call.on("end", () => call.end());
    },
  }];
}
