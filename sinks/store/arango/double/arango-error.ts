/** An error as the server answers it: `error, code, errorNum, errorMessage`. */
export class ArangoDoubleError extends Error {
  readonly status: number;
  readonly errorNum: number;
  constructor(status: number, errorNum: number, message: string) {
    super(message);
    this.status = status;
    this.errorNum = errorNum;
  }
}

/** Numbers and HTTP states of ArangoDB's list of errors, as far as the double raises them. */
const ERRORS = {
  badParameter: [400, 10],
  forbidden: [403, 11],
  unauthorized: [401, 11],
  illegalDocument: [400, 600],
  readOnly: [403, 1004],
  conflict: [409, 1200],
  preconditionFailed: [412, 1200],
  documentMissing: [404, 1202],
  collectionMissing: [404, 1203],
  duplicateName: [409, 1207],
  illegalName: [400, 1208],
  unique: [409, 1210],
  keyBad: [400, 1221],
  documentTypeInvalid: [400, 1227],
  databaseMissing: [404, 1228],
  databaseNameInvalid: [400, 1229],
  useSystemDatabase: [403, 1230],
  edgeInvalid: [400, 1233],
  queryParse: [400, 1501],
  queryEmpty: [400, 1502],
  variableRedeclared: [400, 1511],
  variableUnknown: [400, 1512],
  functionUnknown: [400, 1540],
  argumentNumber: [400, 1541],
  argumentType: [400, 1542],
  bindStructure: [400, 1550],
  bindMissing: [400, 1551],
  bindUndeclared: [400, 1552],
  bindType: [400, 1553],
  arrayExpected: [400, 1563],
  collectionInExpression: [400, 1568],
  compileTimeOptions: [400, 1575],
  accessAfterModification: [400, 1579],
  cursorMissing: [404, 1600],
  unregisteredCollection: [400, 1652],
  transactionAborted: [410, 1654],
  transactionMissing: [404, 1655],
  unknownPath: [404, 404],
  methodNotAllowed: [405, 405],
} as const satisfies Record<string, readonly [number, number]>;

export function refuse(what: keyof typeof ERRORS, message: string): ArangoDoubleError {
  const [status, errorNum] = ERRORS[what];
  return new ArangoDoubleError(status, errorNum, message);
}
