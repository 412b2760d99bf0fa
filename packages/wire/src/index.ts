export { FrameStream, type FrameStreamOptions, mostFrameBytes } from './frame-stream.ts';
