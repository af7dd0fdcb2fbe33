import { busContract } from './bus.contract.ts';
import { MemoryBus } from './memory-bus.ts';

busContract('in memory', async () => {
  const bus = new MemoryBus();
  return {
    bus,
    expire: async (partition) => bus.expire(partition),
  };
});
