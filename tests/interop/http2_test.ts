/** HTTP/2 peers that no one here wrote: nghttpd, nghttp, h2load, curl, and Envoy between. */
import { Cases } from "./cases.ts";
import { envoyCases } from "./http2/envoy_cases.ts";
import { nghttpdCases } from "./http2/nghttpd_cases.ts";
import { serverCases } from "./http2/server_cases.ts";

const cases = new Cases("http2");
nghttpdCases(cases);
serverCases(cases);
envoyCases(cases);
cases.reportAtEnd();
