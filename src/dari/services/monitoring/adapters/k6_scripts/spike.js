// A fifth of the rate, the whole rate suddenly for a fifth of the time, and a fifth of it again.
import { RATE, SECONDS, arrivals, pay, told } from './payments.js';

const CALM = Math.max(1, Math.floor(RATE / 5));
const SUDDEN = Math.max(1, Math.floor(SECONDS / 5));
const BEFORE = Math.floor((SECONDS - SUDDEN) / 2);
const steps = [[CALM, BEFORE], [RATE, SUDDEN], [CALM, SECONDS - SUDDEN - BEFORE]];

export const options = arrivals(steps.filter(([, seconds]) => seconds > 0));
export default function () { pay(false, false); }
export const handleSummary = told;
