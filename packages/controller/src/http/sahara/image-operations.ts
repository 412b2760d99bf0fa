import {
  ImageAnswer,
  ImageList,
  ImageListQuery,
  ImageRegister,
  ImageTagList,
  ImageTags,
  ImageTagsAnswer,
} from '@wadi/api';
import { documented } from '../openapi/operation.ts';

const params = { id: 'Id of the image in the cloud.' };

export const imageOperations = {
  list: documented({
    name: 'listImages',
    summary: 'Images that the project has registered.',
    query: ImageListQuery,
    answers: { 200: ImageList },
  }),
  get: documented({ name: 'getImage', summary: 'One of them.', params, answers: { 200: ImageAnswer } }),
  register: documented({
    name: 'registerImage',
    summary: 'Says who logs in to machines of an image, so that it can be used.',
    params,
    body: ImageRegister,
    answers: { 202: ImageAnswer },
  }),
  unregister: documented({
    name: 'unregisterImage',
    summary: 'The image is used no more; in the cloud it stays.',
    params,
    answers: { 204: 'nothing' },
  }),
  getTags: documented({
    name: 'getImageTags',
    summary: 'What an image is tagged with.',
    params,
    answers: { 200: ImageTagList },
  }),
  setTags: documented({
    name: 'setImageTags',
    summary: 'Tags an image so and not otherwise.',
    description: 'A plugin wants its name and version among the tags.',
    params,
    body: ImageTags,
    answers: { 200: ImageTagsAnswer },
  }),
  deleteTags: documented({
    name: 'deleteImageTags',
    summary: 'Takes all tags of an image away.',
    params,
    answers: { 204: 'nothing' },
  }),
};
