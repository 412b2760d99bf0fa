import { ApiError, type FieldPath, fieldText } from '@wadi/api';

const names = ['is_proxy', 'is_proxy_gateway'];

interface Given {
  readonly is_proxy?: boolean | null;
  readonly is_proxy_gateway?: boolean | null;
}

/**
 * `is_proxy` and `is_proxy_gateway` are one field with two names. Returns the same fields with only `is_proxy`, and
 * that only if one of them was given. `where` the node group stands in the request.
 */
export function uniteProxyFlag<T extends Given>(
  fields: T,
  where: FieldPath = [],
): Omit<T, 'is_proxy' | 'is_proxy_gateway'> & { is_proxy?: boolean | null } {
  const { is_proxy: ours, is_proxy_gateway: saharas, ...others } = fields;
  const place = where.length > 0 ? `${fieldText(where)}: ` : '';
  if (typeof ours === 'boolean' && typeof saharas === 'boolean' && ours !== saharas)
    throw new ApiError(
      400,
      'VALIDATION_ERROR',
      `${place}is_proxy is ${ours} and is_proxy_gateway is ${saharas}, but they are the same field`,
      { hint: 'send one of the two', fields: names.map((name) => [...where, name]) },
    );
  const flag = ours ?? saharas;
  return flag === undefined ? others : { ...others, is_proxy: flag };
}
