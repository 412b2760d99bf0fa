import type { Configs } from '@wadi/api';
import type { FastifyRequest } from 'fastify';
import type { PluginRelease } from '../clusters/plugin.ts';
import { configsForRoot } from '../clusters/plugin-root.ts';
import { requireRight } from './route-rights.ts';

/**
 * Refuses configs that decide what is done as root on machines to those who may not be root there. To be asked where
 * values are given, and again with all that take effect where machines are to be made of them.
 */
export function requireRootFor(
  request: FastifyRequest,
  release: PluginRelease,
  ...given: readonly (Configs | null | undefined)[]
): void {
  const [config] = given.flatMap((configs) => configsForRoot(release, configs));
  if (!config) return;
  const text = `Config '${config.name}' of '${config.target}' decides what is done as root`;
  requireRight(request, 'root', `${text}: you are not authorized to give it another value than its default`);
}
