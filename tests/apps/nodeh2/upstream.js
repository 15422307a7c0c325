// Rates over HTTP/2: node upstream.js PORT [KEY CERTIFICATE]
'use strict';

const fs = require('node:fs');
const http2 = require('node:http2');

const [port, key, cert] = process.argv.slice(2);
const server = key
  ? http2.createSecureServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert) })
  : http2.createServer();

server.on('stream', (stream, headers) => {
  const body = [];
  stream.on('data', (piece) => body.push(piece));
  stream.on('end', () => {
    const said = Buffer.concat(body);
    if (headers[':path'].startsWith('/rates/none')) {
      stream.respond({ ':status': 404, 'content-type': 'application/json' });
      return stream.end('{"error":"no such rate"}');
    }
    stream.respond({ ':status': 200, 'content-type': 'application/json' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-length': String(said.length) }));
    return stream.end(JSON.stringify({ path: headers[':path'], length: said.length, padding: 'x'.repeat(said.length) }));
  });
});
server.listen(Number(port), '127.0.0.1', () => console.error('ready'));
