export * from './access.ts';
export * from './adoption.ts';
export * from './api-error.ts';
export * from './audit.ts';
export * from './cluster.ts';
export * from './cluster-scale.ts';
export * from './cluster-status.ts';
export * from './cluster-template.ts';
export * from './doctor.ts';
export * from './error.ts';
export * from './event.ts';
export * from './explain.ts';
export { Configs, Share } from './field.ts';
export * from './field-path.ts';
export * from './flavor.ts';
export { formatPatterns, formats, isUuid } from './format.ts';
export * from './health.ts';
export * from './image.ts';
export * from './import.ts';
export * from './instance.ts';
export * from './inventory-machine.ts';
export * from './key.ts';
export * from './key-rotation.ts';
export { ListQuery, listFilters, paging } from './list-query.ts';
export type { NodeGroupFields, NodeGroupRequest } from './node-group-template.ts';
export {
  NodeGroupByTemplate,
  NodeGroupInline,
  NodeGroupTemplate,
  NodeGroupTemplateAnswer,
  NodeGroupTemplateCreate,
  NodeGroupTemplateExport,
  NodeGroupTemplateList,
  NodeGroupTemplateUpdate,
} from './node-group-template.ts';
export * from './open-api-document.ts';
export * from './plugin.ts';
export * from './project.ts';
export * from './proxy.ts';
export * from './right.ts';
export * from './run.ts';
export * from './sandbox.ts';
export * from './stream.ts';
export * from './token.ts';
export * from './upload.ts';
export * from './verification.ts';
