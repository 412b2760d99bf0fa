export type { AuditQuery, ListQuery } from '@wadi/api';
export type { DownloadOptions, FileSource, UploadOptions, UploadRequest } from './files.ts';
export type { MachineRequest } from './instances.ts';
export type { OutputPage, OutputSource } from './runs.ts';
export type { CallOptions, TransportOptions } from './transport.ts';
export { WadiClient } from './wadi-client.ts';
export type { TransportErrorName, WadiErrorDetails } from './wadi-error.ts';
export { WadiError } from './wadi-error.ts';
