import { FlavorAnswer, FlavorList } from '@wadi/api';
import { Type } from 'typebox';
import { documented } from '../openapi/operation.ts';

export const flavorOperations = {
  list: documented({
    name: 'listFlavors',
    summary: 'Sizes that machines may have.',
    answers: { 200: FlavorList },
  }),
  get: documented({
    name: 'getFlavor',
    summary: 'One of them.',
    params: { id: 'Id of the flavor; `detail` lists them all.' },
    answers: { 200: Type.Union([FlavorAnswer, FlavorList]) },
  }),
};
