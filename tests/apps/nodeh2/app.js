// An HTTP/2 server that asks another one: node app.js. Cleartext, as clients speak it that know beforehand; with KEY and
// CERTIFICATE, which name files, over TLS.
'use strict';

const fs = require('node:fs');
const http2 = require('node:http2');

// Regressions that the end-to-end tests plant; empty for everybody else.
const mutate = new Set((process.env.MUTATE || '').split(','));

const upstream = http2.connect(process.env.UPSTREAM || 'http://127.0.0.1:8086');
upstream.on('error', (error) => console.error(error.message));

function ask(path, body) {
  return new Promise((resolve, reject) => {
    const request = upstream.request({ ':path': path + (mutate.has('call') ? '!' : ''), ':method': body ? 'POST' : 'GET' });
    const answer = { status: 0, trailer: '', body: '' };
    request.setEncoding('utf8');
    request.on('response', (headers) => (answer.status = headers[':status']));
    request.on('trailers', (trailers) => (answer.trailer = trailers['x-length']));
    request.on('data', (piece) => (answer.body += piece));
    request.on('end', () => resolve(answer));
    request.on('error', reject);
    request.end(body);
  });
}

async function reply(path, body) {
  const n = path.split('/')[2];
  switch (path.split('/')[1]) {
    case 'rates':
      return ask(`/rates/${n}`);
    // Many streams at once, on one connection.
    case 'many':
      return Promise.all(Array.from({ length: 5 }, (_, i) => ask(`/rates/${n}-${i}`)));
    case 'echo':
      return ask(`/echo/${n}`, body);
    default:
      return { status: 404 };
  }
}

const { KEY, CERTIFICATE } = process.env;
const server = KEY
  ? http2.createSecureServer({ key: fs.readFileSync(KEY), cert: fs.readFileSync(CERTIFICATE) })
  : http2.createServer();
server.on('stream', (stream, headers) => {
  const body = [];
  stream.on('data', (piece) => body.push(piece));
  stream.on('end', async () => {
    try {
      const answer = await reply(headers[':path'], Buffer.concat(body));
      stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.end(JSON.stringify(mutate.has('answer') ? { answer, changed: true } : answer));
    } catch (error) {
      stream.respond({ ':status': 502 });
      stream.end(error.message);
    }
  });
});
server.listen(Number(process.env.PORT || 8080), '127.0.0.1');
