#!/usr/bin/env node
import { importMain } from '@wadi/controller/bundle';

const { main } = await importMain(import.meta.url, ['api', 'client', 'cli', 'wire']);
await main(process.argv);
