import { type AccountEngine, ApiError, type MarketName, type Route } from '../contract.ts';
import { mandatory, type Params } from '../params.ts';

interface Transfer {
  readonly tranId: number;
  readonly clientTranId: string | undefined;
  readonly type: TransferType;
  readonly asset: string;
  /** Units of 10^-8. */
  readonly amount: number;
  /** Market time, ms. */
  readonly timestamp: number;
}
const TYPES = { MAIN_UMFUTURE: ['spot', 'usdm'], UMFUTURE_MAIN: ['usdm', 'spot'] } as const;
type TransferType = keyof typeof TYPES;

const PATH = '/sapi/v1/asset/transfer';
const FIRST_ID = 13_526_853_623;

/**
 * Transfers between the two wallets of the account. `clientTranId`, where it is sent, makes a repeat harmless: the same
 * id again answers with the first transfer's number and moves nothing.
 */
export function transferRoutes(engines: Readonly<Record<MarketName, AccountEngine>>): Route[] {
  const done: Transfer[] = [];
  const byClientId = new Map<string, Transfer>();
  return [
    {
      method: 'POST',
      path: PATH,
      security: 'signed',
      weight: 1,
      handle: ({ params, marketUs }) => {
        const type = readType(params);
        const asset = params.text('asset').toUpperCase();
        const amount = readAmount(params.text('amount'));
        const clientTranId = params.get('clientTranId');
        if (clientTranId !== undefined && !/^[\w-]{1,64}$/.test(clientTranId)) throw mandatory('clientTranId');
        const before = clientTranId === undefined ? undefined : byClientId.get(clientTranId);
        if (before) {
          if (before.type !== type || before.asset !== asset || before.amount !== amount)
            throw new ApiError(-1130, "Data sent for parameter 'clientTranId' is not valid.");
          return { tranId: before.tranId };
        }
        const [from, to] = TYPES[type];
        engines[from].withdraw(asset, amount, marketUs);
        try {
          engines[to].deposit(asset, amount, marketUs);
        } catch (e) {
          // Not taken over there: back where it came from.
          engines[from].deposit(asset, amount, marketUs);
          throw e;
        }
        const transfer: Transfer = {
          tranId: FIRST_ID + done.length,
          clientTranId,
          type,
          asset,
          amount,
          timestamp: Math.floor(marketUs / 1000),
        };
        done.push(transfer);
        if (clientTranId !== undefined) byClientId.set(clientTranId, transfer);
        return { tranId: transfer.tranId };
      },
    },
    {
      method: 'GET',
      path: PATH,
      security: 'signed',
      weight: 1,
      handle: ({ params }) => {
        const type = readType(params);
        const from = params.int('startTime') ?? 0;
        const to = params.int('endTime') ?? Number.POSITIVE_INFINITY;
        const current = params.int('current', 1) ?? 1;
        const size = params.int('size', 1, 100) ?? 10;
        const tranId = params.int('tranId');
        const clientTranId = params.get('clientTranId');
        const rows = done
          .filter(
            (t) =>
              t.type === type &&
              t.timestamp >= from &&
              t.timestamp <= to &&
              (tranId === undefined || t.tranId === tranId) &&
              (clientTranId === undefined || t.clientTranId === clientTranId),
          )
          .reverse();
        return {
          total: rows.length,
          rows: rows.slice((current - 1) * size, current * size).map((t) => ({
            asset: t.asset,
            amount: amountText(t.amount),
            type: t.type,
            status: 'CONFIRMED',
            tranId: t.tranId,
            ...(t.clientTranId === undefined ? {} : { clientTranId: t.clientTranId }),
            timestamp: t.timestamp,
          })),
        };
      },
    },
  ];
}

function readType(params: Params): TransferType {
  const type = params.text('type');
  if (Object.hasOwn(TYPES, type)) return type as TransferType;
  throw new ApiError(-1130, "Data sent for parameter 'type' is not valid.");
}

/** Decimal text → units of 10^-8. @throws −1102 (form), −1130 (not above zero, or too large), −1111 (too many decimals) */
function readAmount(text: string): number {
  const m = /^(\d{1,15})(?:\.(\d{1,30}))?$/.exec(text);
  if (!m) throw mandatory('amount');
  const fraction = (m[2] ?? '').replace(/0+$/, '');
  if (fraction.length > 8) throw new ApiError(-1111, 'Precision is over the maximum defined for this asset.');
  const amount = Number(m[1] + fraction.padEnd(8, '0'));
  if (amount <= 0 || !Number.isSafeInteger(amount))
    throw new ApiError(-1130, "Data sent for parameter 'amount' is not valid.");
  return amount;
}
const amountText = (amount: number): string => {
  const digits = String(amount).padStart(9, '0');
  return `${digits.slice(0, -8)}.${digits.slice(-8)}`.replace(/\.?0+$/, '');
};
