import { FileDigestAnswer, FileQuery, UploadAnswer, UploadRequest } from '@wadi/api';
import { Type } from 'typebox';
import { documented } from '../openapi/operation.ts';

const cluster = 'Id of the cluster.';
const params = { cluster, upload: 'Id of the upload.' };
const file = { cluster, instance: 'Name or id of the machine.' };

export const transferOperations = {
  create: documented({
    name: 'createUpload',
    summary: 'Begins to put a file on machines of a cluster; its bytes follow with PATCH.',
    description: 'With `as_root` it needs the right `root`.',
    params: { cluster },
    body: UploadRequest,
    answers: { 201: UploadAnswer },
    refusals: [409],
  }),
  get: documented({
    name: 'getUpload',
    summary: 'How far an upload is, on each machine.',
    params,
    answers: { 200: UploadAnswer },
  }),
  append: documented({
    name: 'appendUpload',
    summary:
      'Sends bytes to all machines that still receive, from the offset that the header Upload-Offset says.',
    description:
      'An offset where it does not go on is refused with 409 and the right one as `upload_offset`. With the last byte the ' +
      'file is checked on each machine and put in its place. Whatever is lost on the way: ask how far it is, and go on.',
    params,
    body: { mediaType: 'application/offset+octet-stream', description: 'Up to 64 MiB of the file.' },
    answers: { 200: UploadAnswer },
    refusals: [409, 413, 503],
  }),
  cancel: documented({
    name: 'cancelUpload',
    summary: 'Ends an upload where it is not done yet, and removes what machines have of it.',
    params,
    answers: { 200: UploadAnswer },
  }),
  read: documented({
    name: 'getFile',
    summary: 'A file of a machine, or from a byte of it on.',
    description:
      '`Range` with one range, `If-Match` and `If-Range` as HTTP has them. A file that changes while it is read breaks off. ' +
      'With `as_root` it needs the right `root`.',
    params: file,
    query: FileQuery,
    answers: {
      200: {
        mediaType: 'application/octet-stream',
        description: 'The bytes as they are.',
        headers: { ETag: Type.String({ description: 'Another one after each change of the file.' }) },
      },
      206: { mediaType: 'application/octet-stream', description: 'The range that was asked for.' },
    },
    refusals: [412, 416, 502],
  }),
  digest: documented({
    name: 'getFileDigest',
    summary: 'SHA-256 of a file of a machine, computed there.',
    params: file,
    query: FileQuery,
    answers: { 200: FileDigestAnswer },
    refusals: [502],
  }),
};
