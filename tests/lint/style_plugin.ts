/**
 * The house's style, as far as a machine can see it: error messages in sentence case without a final period, and every
 * exported function or class documented where it stands.
 */

const ERRORS = new Set(["Error", "TypeError", "RangeError", "SyntaxError", "MeshError"]);

/** The literal text at both ends of a message: of a string, a template, or strings that are joined. */
function ends(node: Deno.lint.Node | undefined): [string, string] | null {
  if (node === undefined) return null;
  if (node.type === "Literal") return typeof node.value === "string" ? [node.value, node.value] : null;
  if (node.type === "TemplateLiteral") {
    return [node.quasis[0]?.cooked ?? "", node.quasis.at(-1)?.cooked ?? ""];
  }
  if (node.type === "BinaryExpression" && node.operator === "+") {
    const left = ends(node.left);
    const right = ends(node.right);
    return left === null && right === null ? null : [left?.[0] ?? "", right?.[1] ?? ""];
  }
  return null;
}

const errorMessage: Deno.lint.Rule = {
  create(context) {
    return {
      NewExpression(node) {
        if (node.callee.type !== "Identifier" || !ERRORS.has(node.callee.name)) return;
        const message = node.callee.name === "MeshError" ? node.arguments[1] : node.arguments[0];
        const text = ends(message);
        if (text === null) return;
        const [start, end] = text;
        if (/^[a-z]/.test(start) && !/^[a-z]+[A-Z.(]/.test(start)) {
          context.report({ node, message: "An error message begins with a capital letter" });
        }
        if (/[^.]\.$/.test(end)) context.report({ node, message: "An error message has no final period" });
        if (/\b(?:can't|don't|doesn't|isn't|won't|couldn't)\b/i.test(start + end)) {
          context.report({ node, message: "An error message has no contractions" });
        }
      },
    };
  },
};

const plugin: Deno.lint.Plugin = { name: "enmesh-style", rules: { "error-message": errorMessage } };

export default plugin;
