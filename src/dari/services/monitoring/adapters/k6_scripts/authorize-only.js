// Authorizations at one rate.
import { RATE, SECONDS, arrivals, pay, told } from './payments.js';

export const options = arrivals([[RATE, SECONDS]]);
export default function () { pay(false, false); }
export const handleSummary = told;
