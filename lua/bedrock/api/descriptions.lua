--- The operations that the library carries, each with a line in our own words: for editors (the annotations in
-- lua/bedrock/meta are made with it), for the README's table and for `client.operation_names`' reader. People edit this file;
-- `tools/genapi.lua --descriptions` takes its choice of operations from here.

---@type table<string, string>
return {
  CreateModelCustomizationJob = "Start a job that tunes a base model on your data and ends with a custom model.",
  DeleteCustomModel = "Delete a custom model that a customization job made.",
  DeleteModelInvocationLoggingConfiguration = "Stop logging the invocations of models in this region.",
  GetCustomModel = "Look up a custom model: where it came from, its hyperparameters and its metrics.",
  GetFoundationModel = "Look up one foundation model: its modalities, and what can be done with it.",
  GetModelCustomizationJob = "Look up a customization job: its status, its settings and, once there, its metrics.",
  GetModelInvocationLoggingConfiguration = "Read where the invocations of models are logged, if anywhere.",
  ListCustomModels = "List your custom models, a page at a time; filters by name, base model and age.",
  ListFoundationModels = "List the foundation models, all at once; filters by provider, modality and customization.",
  ListModelCustomizationJobs = "List your customization jobs, a page at a time; filters by name, status and age.",
  ListTagsForResource = "Read the tags of a job or a model.",
  PutModelInvocationLoggingConfiguration = "Log the invocations of models in this region to S3 or CloudWatch Logs.",
  StopModelCustomizationJob = "Ask a running customization job to stop; it stops a little later.",
  TagResource = "Put tags on a job or a model; a tag whose key exists is replaced.",
  UntagResource = "Take tags off a job or a model, by their keys.",
}
