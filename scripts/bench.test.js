// How `scripts/bench` compares figures with its table: `node --test scripts/bench.test.js`.
'use strict';

const assert = require('node:assert/strict');
const { mock, test } = require('node:test');

const { render, report, updated } = require('./bench');

const TOOLS = { rustc: '1.95.0', valgrind: '3.19.0', processor: 'AMD EPYC' };

const figures = (instructions, allocations = 4) => ({
  'engineio-proto': { echo: { instructions: 500, allocations: 0 } },
  'socketio-proto': { echo: { instructions, allocations } },
});

const table = () => updated(undefined, figures(1000), TOOLS, 'the first');

/** The exit status of a comparison, and what it prints. */
function compare(measured, { tools = TOOLS, of = table() } = {}) {
  const lines = [];
  const print = (line) => lines.push(line);
  const streams = [mock.method(console, 'log', print), mock.method(console, 'error', print)];
  try {
    return { status: report(of, measured, tools), said: lines.join('\n') };
  } finally {
    streams.forEach((stream) => stream.mock.restore());
  }
}

test('the same figures pass, and so do such within 3 %', () => {
  for (const instructions of [1000, 1030, 970]) assert.equal(compare(figures(instructions)).status, 0);
});

test('more than 3 % more instructions fail, and are named', () => {
  const { status, said } = compare(figures(1031));
  assert.equal(status, 1);
  assert.match(said, /socketio-proto echo takes \+3\.1 % instructions/);
});

test('more than 3 % more allocations fail, also where there were none', () => {
  assert.match(compare(figures(1000, 5)).said, /echo makes 5 allocations instead of 4/);
  const measured = figures(1000);
  measured['engineio-proto'].echo.allocations = 0.01;
  assert.equal(compare(measured).status, 1);
});

test('what is more than 3 % better passes, and asks for a new table', () => {
  for (const better of [figures(960), figures(1000, 3)]) {
    const { status, said } = compare(better);
    assert.equal(status, 0);
    assert.match(said, /should be written anew: socketio-proto echo/);
  }
});

test('a benchmark without figures fails, and so do figures without benchmark', () => {
  const more = figures(1000);
  more['socketio-proto'].churn = { instructions: 1, allocations: 1 };
  assert.match(compare(more).said, /socketio-proto churn is not in the table/);
  assert.equal(compare(more).status, 1);
  const { status, said } = compare(figures(1000), { of: updated(undefined, more, TOOLS, 'the first') });
  assert.equal(status, 1);
  assert.match(said, /churn is in the table, but no benchmark/);
});

test('other versions say so, and fail nothing', () => {
  for (const other of [{ rustc: '1.96.0' }, { valgrind: '3.24.0' }, { processor: 'Intel Xeon' }]) {
    const tools = { ...TOOLS, ...other };
    const { status, said } = compare(figures(2000), { tools });
    assert.equal(status, 0);
    assert.match(said, /NOT COMPARED: the table is of rustc 1\.95\.0, valgrind 3\.19\.0 and AMD EPYC/);
  }
});

test('a new table keeps what was first, and every reason', () => {
  const later = updated(table(), figures(600, 2), TOOLS, 'fewer copies');
  assert.deepEqual(later.figures['socketio-proto'].echo, {
    instructions: 600,
    allocations: 2,
    first: { instructions: 1000, allocations: 4 },
  });
  assert.deepEqual(
    later.updates.map(({ reason }) => reason),
    ['the first', 'fewer copies'],
  );
  const { said } = compare(figures(600, 2), { of: later });
  assert.match(said, /socketio-proto -40\.0 % instructions/);
});

test('a table is written as it is read', () => {
  const { tools, updates, figures } = JSON.parse(render(table()));
  assert.deepEqual({ tools, updates, figures }, table());
});
