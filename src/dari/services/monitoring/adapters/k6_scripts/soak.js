// Authorize and capture at one rate for long: what grows slowly shows.
import { RATE, SECONDS, arrivals, pay, told } from './payments.js';

export const options = arrivals([[RATE, SECONDS]]);
export default function () { pay(true, false); }
export const handleSummary = told;
