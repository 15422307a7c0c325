// A shop in front of another one, over gRPC on both sides: node app.js
'use strict';

const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

// Regressions that the end-to-end tests plant; empty for everybody else.
const mutate = new Set((process.env.MUTATE || '').split(','));

const { Shop } = grpc.loadPackageDefinition(
  loader.loadSync(path.join(__dirname, '../grpc/shop.proto'), { keepCase: true }),
).shop.v1;

const upstream = new Shop(process.env.UPSTREAM || '127.0.0.1:50052', grpc.credentials.createInsecure());

function find(call, reply) {
  const name = call.request.name + (mutate.has('call') ? '!' : '');
  const deadline = Date.now() + (name.startsWith('slow-') ? 300 : 5000);
  let answer = [];
  const up = upstream.Find({ name }, { deadline }, (error, item) => (answer = [error, item]));
  up.on('status', (status) => {
    const [error, item] = answer;
    if (error) {
      // Who notices first that it is too late, this side or the other, says it in words of its own.
      const said = error.code === grpc.status.DEADLINE_EXCEEDED ? 'late' : error.details;
      return reply({ code: error.code, details: `upstream: ${said}` });
    }
    const trailer = new grpc.Metadata();
    trailer.set('served-by', `${status.metadata.get('served-by').join('+')}, app`);
    if (mutate.has('answer')) item.price += 1;
    reply(null, item, trailer);
  });
}

function list(call) {
  const items = upstream.List(call.request);
  items.on('data', (item) => call.write({ ...item, stock: Number(item.stock) + 1 }));
  items.on('error', (error) => call.emit('error', error));
  items.on('end', () => call.end());
}

function bring(call, reply) {
  const up = upstream.Bring(reply);
  call.on('data', (item) => up.write(item));
  call.on('end', () => up.end());
}

function haggle(call) {
  const up = upstream.Haggle();
  call.on('data', (bid) => up.write(bid));
  call.on('end', () => up.end());
  up.on('data', (offer) => call.write({ ...offer, cents: offer.cents * 2 }));
  up.on('error', (error) => call.emit('error', error));
  up.on('end', () => call.end());
}

function deal(call, reply) {
  const up = upstream.Haggle();
  let last;
  let asked = 1;
  up.on('data', (offer) => {
    last = offer;
    if (asked === 3) return up.end();
    asked += 1;
    return up.write({ item: offer.item, cents: offer.cents + 1 });
  });
  up.on('error', (error) => reply(error));
  up.on('end', () => reply(null, last));
  up.write(call.request);
}

const server = new grpc.Server();
server.addService(Shop.service, { Find: find, List: list, Bring: bring, Haggle: haggle, Deal: deal });
server.bindAsync(`127.0.0.1:${process.env.PORT || 50051}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
