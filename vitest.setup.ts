import fc from 'fast-check';

// A property that fails must fail again: the same cases at every run. Others are tried with CHIMERA_FUZZ_SEED=<n>.
fc.configureGlobal({ seed: Number(process.env['CHIMERA_FUZZ_SEED'] ?? 20_260_101) });
