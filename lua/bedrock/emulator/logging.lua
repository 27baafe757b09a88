--- The one model invocation logging configuration of a region.

local logging = {}

--- The operations of this room by their names in the API.
---@type table<string, fun(ctx: bedrock.emulator.Context, params: table): table>
logging.operations = {}

function logging.operations.PutModelInvocationLoggingConfiguration(ctx, params)
  ctx.store.logging = params.loggingConfig
  return {}
end

function logging.operations.GetModelInvocationLoggingConfiguration(ctx)
  return { loggingConfig = ctx.store.logging }
end

function logging.operations.DeleteModelInvocationLoggingConfiguration(ctx)
  ctx.store.logging = nil
  return {}
end

return logging
