// Serves the files of a folder: node --import tsx tests/plugins/file-server.ts HOST PORT FOLDER
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';

const [host, port, folder = ''] = process.argv.slice(2);
const server = createServer(async (request, response) => {
  const name = path.basename(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname));
  const file = path.join(folder, name);
  const facts = await stat(file).catch(() => null);
  if (!facts?.isFile()) return response.writeHead(404).end();
  response.writeHead(200, { 'Content-Length': facts.size });
  createReadStream(file).pipe(response);
});
server.listen(Number(port), host, () => console.log('listening'));
