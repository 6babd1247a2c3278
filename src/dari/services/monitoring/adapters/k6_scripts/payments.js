// What every script of this folder shares: one payment at its due time, refusals told apart, one summary.
import http from 'k6/http';
import exec from 'k6/execution';
import { sleep } from 'k6';
import { Counter } from 'k6/metrics';

// A capture that the worker was quicker with is a conflict (409), not a failure; any other refusal is one.
http.setResponseCallback(http.expectedStatuses(200, 409));
const conflicts = new Counter('conflicts_409');
const limited = new Counter('rate_limited_429');

const TARGET = __ENV.TARGET || 'http://127.0.0.1:8090';
export const RATE = Number(__ENV.RATE || 200);
export const SECONDS = Number(__ENV.SECONDS || 480);
const CAPTURE = __ENV.CAPTURE === '1';
const REFUND = __ENV.REFUND === '1';
const RUN = __ENV.RUN || `k6-${Date.now()}`;

// Arrivals are open: payments begin at their times whatever the answers do. `steps` are [rate, seconds].
export function arrivals(steps) {
  const scenarios = {};
  let begin = 0;
  steps.forEach(([rate, seconds], at) => {
    scenarios[`step_${at}`] = {
      executor: 'constant-arrival-rate', exec: 'default', rate, timeUnit: '1s', duration: `${seconds}s`,
      startTime: `${begin}s`, preAllocatedVUs: Math.min(500, Math.max(10, rate)), maxVUs: 500, gracefulStop: '30s',
    };
    begin += seconds;
  });
  return { scenarios, summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)'] };
}

function post(path, body) {
  const reply = http.post(TARGET + path, JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } });
  if (reply.status === 409) conflicts.add(1);
  if (reply.status === 429) limited.add(1);
  return reply;
}

export function pay(capture, refund) {
  const merchantId = `MERCHANT-${1 + Math.floor(Math.random() * 1000)}`;
  const said = post('/payments/authorize', {
    merchantId, amount: 1000 * (1 + Math.floor(Math.random() * 50)), currency: 'KRW',
    idempotencyKey: `load-${RUN}-${exec.scenario.name}-${exec.scenario.iterationInTest}`,
  });
  if (said.status !== 200 || !(capture || CAPTURE)) return;
  const id = said.json('paymentId');
  sleep(0.1);
  post(`/payments/capture/${id}`, { merchantId });
  if (!(refund || REFUND)) return;
  sleep(0.1);
  post(`/payments/refund/${id}`, { merchantId, reason: 'load test' });
}

export function told(data) {
  return { [__ENV.SUMMARY || 'summary.json']: JSON.stringify({ generator: 'k6', ...data }), stdout: '' };
}
