// For each line on its input, what the clocks show.
const { Worker, isMainThread, parentPort } = require('worker_threads');
const { execFileSync } = require('child_process');
const ns = () => `${Date.now()}000000`;
if (isMainThread) {
  const worker = new Worker(__filename);
  worker.on('message', (thread) => {
    const exec = execFileSync('date', ['+exec=%s%N']).toString().trim();
    console.log(`main=${ns()} date=${new Date().getTime()}000000 thread=${thread} ${exec}`);
  });
  require('readline').createInterface({ input: process.stdin })
    .on('line', () => worker.postMessage('?'))
    .on('close', () => worker.terminate());
} else {
  parentPort.on('message', () => parentPort.postMessage(ns()));
}
