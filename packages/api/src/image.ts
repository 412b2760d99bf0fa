import { type Static, Type } from 'typebox';

export const ImageRegister = Type.Object(
  {
    username: Type.String({ minLength: 1, description: 'Who logs in to machines of this image.' }),
    description: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

export const ImageTags = Type.Object(
  { tags: Type.Array(Type.String({ minLength: 1, format: 'valid_tag' })) },
  { additionalProperties: false },
);

const imageFields = {
  'OS-EXT-IMG-SIZE:size': Type.Integer({ description: 'Bytes.' }),
  metadata: Type.Record(Type.String(), Type.String()),
  minDisk: Type.Integer(),
  minRam: Type.Integer(),
  progress: Type.Integer(),
  status: Type.String(),
  created: Type.String(),
  updated: Type.String(),
  username: Type.String(),
  description: Type.String(),
  tags: Type.Array(Type.String()),
  id: Type.String(),
  name: Type.String(),
};

/** A registered image, with the keys of the image service of old. */
export const Image = Type.Object(imageFields);
export type Image = Static<typeof Image>;

export const ImageAnswer = Type.Object({ image: Image });
export type ImageAnswer = Static<typeof ImageAnswer>;

export const ImageList = Type.Object({ images: Type.Array(Image) });
export type ImageList = Static<typeof ImageList>;

export const ImageListQuery = Type.Object({
  name: Type.Optional(Type.String({ description: 'A part of it.' })),
  tags: Type.Optional(Type.Array(Type.String(), { description: 'Those that it must have.' })),
  username: Type.Optional(Type.String()),
});

/** Of an image without tags Sahara answers an object, and clients rely on it. */
export const ImageTagList = Type.Union([
  Type.Array(Type.String()),
  Type.Object({}, { additionalProperties: false }),
]);

/** The image twice: the real client looks for its fields at the top. */
export const ImageTagsAnswer = Type.Object({ image: Image, ...imageFields });
export type ImageTagsAnswer = Static<typeof ImageTagsAnswer>;
