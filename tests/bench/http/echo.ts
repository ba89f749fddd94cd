/** The application of the http bench: reads the body and sends it back. */
export async function echo(request: Request): Promise<Response> {
  return new Response(await request.arrayBuffer());
}
