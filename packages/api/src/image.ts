import { Type } from 'typebox';

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

/** A registered image, with the keys of the image service of old. */
export interface Image {
  /** Bytes. */
  'OS-EXT-IMG-SIZE:size': number;
  metadata: Record<string, string>;
  minDisk: number;
  minRam: number;
  progress: number;
  status: string;
  created: string;
  updated: string;
  username: string;
  description: string;
  tags: string[];
  id: string;
  name: string;
}
