import { PluginAnswer, PluginList, PluginUpdate, PluginUpdateAnswer, PluginVersionAnswer } from '@wadi/api';
import { documented } from '../openapi/operation.ts';

const name = 'Name of the plugin.';

export const pluginOperations = {
  list: documented({
    name: 'listPlugins',
    summary: 'What a cluster can run.',
    answers: { 200: PluginList },
  }),
  get: documented({
    name: 'getPlugin',
    summary: 'One plugin.',
    params: { name },
    answers: { 200: PluginAnswer },
  }),
  update: documented({
    name: 'updatePlugin',
    summary: 'Switches labels of a plugin for the own project.',
    params: { name },
    body: PluginUpdate,
    answers: { 202: PluginUpdateAnswer },
  }),
  getVersion: documented({
    name: 'getPluginVersion',
    summary: 'One version of a plugin, with its processes and settings.',
    params: { name, version: 'One of its versions.' },
    answers: { 200: PluginVersionAnswer },
  }),
};
