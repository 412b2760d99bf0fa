// npm run test:crash-runs -- [--rounds N] [--json]
import { readRounds, reportRounds } from './report-rounds.ts';

reportRounds('tests/crash/killed-runs.test.ts', readRounds('test:crash-runs', '50'));
