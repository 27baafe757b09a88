-- emulated.lua: the demo's Bedrock, in the memory of nginx's one worker.
--
--   EMULATOR_SPEED   how many times faster than in the service a job runs; 240 if not set: an epoch takes five seconds

return require("bedrock.emulator.nginx").new {
  speed = tonumber(os.getenv "EMULATOR_SPEED") or 240,
}
