// What is taken of the protocol's library: a file of its own in the build, which no other verb loads (build.mjs).

export {
  acceptedContent,
  createRequestStateCodec,
  inputRequired,
  McpServer,
  type ServerContext,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server';
export { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
