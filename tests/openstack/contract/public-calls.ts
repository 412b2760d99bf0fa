import type { OpenStack } from '@wadi/openstack';

/** `servers.create`, as far as an object and what hangs on it has methods, or what `among` gives to it. */
export function publicCalls(openstack: OpenStack): string[] {
  const services = { service: openstack.service('compute') };
  return [
    ...methodsOf(openstack),
    ...Object.entries({ ...openstack, ...services }).flatMap(([name, part]) =>
      methodsOf(part).map((method) => `${name}.${method}`),
    ),
  ];
}

/** The same client, which notes in `calls` what is called from outside of it. */
export function noteCalls(openstack: OpenStack, calls: Set<string>): OpenStack {
  return noting(openstack, '', calls);
}

function noting<Part extends object>(part: Part, prefix: string, calls: Set<string>): Part {
  return new Proxy(part, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof name === 'symbol') return value;
      if (typeof value === 'object' && value !== null) return noting(value, `${name}.`, calls);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        calls.add(`${prefix}${name}`);
        const result: unknown = value.apply(target, given);
        if (name === 'service') return noting(result as object, 'service.', calls);
        return result instanceof target.constructor ? noting(result as object, '', calls) : result;
      };
    },
  });
}

/** Of its class and those above. */
function methodsOf(part: object): string[] {
  const methods = new Set<string>();
  for (
    let prototype = Object.getPrototypeOf(part);
    prototype !== null && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype)
  )
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
      if (name !== 'constructor' && typeof value === 'function') methods.add(name);
  return [...methods];
}
