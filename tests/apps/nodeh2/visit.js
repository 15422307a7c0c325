// Eight clients at once over HTTP/2: node visit.js URL. Prints how many requests were made.
'use strict';

const http2 = require('node:http2');

const CLIENTS = 8;
const url = process.argv[2];

function ask(session, path, body) {
  return new Promise((resolve, reject) => {
    const request = session.request({ ':path': path, ':method': body ? 'POST' : 'GET' });
    let said = '';
    let status = 0;
    request.setEncoding('utf8');
    request.on('response', (headers) => (status = headers[':status']));
    request.on('data', (piece) => (said += piece));
    request.on('end', () => (status === 200 ? resolve(JSON.parse(said)) : reject(new Error(`${path}: ${status} ${said}`))));
    request.on('error', reject);
    request.end(body);
  });
}

async function visit(n) {
  const session = http2.connect(url);
  const asked = [
    ask(session, `/rates/c${n}`),
    ask(session, `/rates/none${n}`),
    ask(session, `/many/m${n}`),
    ask(session, `/echo/e${n}`, 'x'.repeat(100000 + n)),
    ask(session, `/echo/s${n}`, 'short'),
  ];
  const [rate, none, many, long, short] = await Promise.all(asked);
  session.close();
  const fine = rate.status === 200 && none.status === 404 && many.length === 5 && short.trailer === '5';
  if (!fine || long.trailer !== String(100000 + n)) throw new Error('not what was promised');
  return asked.length;
}

Promise.all(Array.from({ length: CLIENTS }, (_, n) => visit(n))).then((counts) => {
  console.log(counts.reduce((a, b) => a + b));
});
