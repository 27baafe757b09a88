--- The answer that the benches get: a job in training, of about 1.4 KB.
-- luacheck: push no max line length
return [[{"jobArn":"arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.titan-text-express-v1:0:8k/abcdefghijkl",
"jobName":"tone-2026-11","outputModelName":"support-tone","outputModelArn":"arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.titan-text-express-v1:0:8k/mnopqrstuvwx",
"clientRequestToken":"0b0f2c8e-6a1b-4b6e-9a52-6f4e3a0c9d11","roleArn":"arn:aws:iam::111122223333:role/BedrockTuning",
"status":"InProgress","statusDetails":{"validationDetails":{"status":"Completed","creationTime":"2026-11-23T08:00:01.123Z","lastModifiedTime":"2026-11-23T08:04:11.456Z"},
"dataProcessingDetails":{"status":"Completed","creationTime":"2026-11-23T08:04:12Z","lastModifiedTime":"2026-11-23T08:11:59Z"},
"trainingDetails":{"status":"InProgress","creationTime":"2026-11-23T08:12:00Z","lastModifiedTime":"2026-11-23T09:40:31Z"}},
"creationTime":"2026-11-23T08:00:00Z","lastModifiedTime":"2026-11-23T09:40:31Z",
"baseModelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1:0:8k",
"hyperParameters":{"epochCount":"2","batchSize":"1","learningRate":"0.00001","learningRateWarmupSteps":"5"},
"trainingDataConfig":{"s3Uri":"s3://corpus/train.jsonl"},"validationDataConfig":{"validators":[{"s3Uri":"s3://corpus/validation.jsonl"}]},
"outputDataConfig":{"s3Uri":"s3://corpus/out/"},"customizationType":"FINE_TUNING",
"trainingMetrics":{"trainingLoss":1.0437},"validationMetrics":[{"validationLoss":1.1251}]}]]
-- luacheck: pop
