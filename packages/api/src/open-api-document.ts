import { Type } from 'typebox';

/** GET /openapi.json: the standard says what is in it. */
export const OpenApiDocument = Type.Object({
  openapi: Type.String({ examples: ['3.1.0'] }),
  info: Type.Object({}),
  paths: Type.Object({}),
});
