import { type Static, Type } from 'typebox';

/** Not Sahara's but Nova's: the size of a machine. */
export const Flavor = Type.Object({
  id: Type.String(),
  name: Type.String(),
  ram: Type.Integer({ description: 'MB.' }),
  vcpus: Type.Integer(),
  disk: Type.Integer({ description: 'GB.' }),
  links: Type.Array(Type.Unknown()),
});
export type Flavor = Static<typeof Flavor>;

export const FlavorAnswer = Type.Object({ flavor: Flavor });

export const FlavorList = Type.Object({ flavors: Type.Array(Flavor) });
