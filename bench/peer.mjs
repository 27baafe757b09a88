// The AWS SDK for JavaScript in the bench:
//
//   node peer.mjs ENDPOINT [once]    a peer (see peer.h), or one call; it has to lie beside node_modules
//
import * as bedrock from "@aws-sdk/client-bedrock";

const [endpoint, once] = process.argv.slice(2);
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const socketsAtOnce = { maxSockets: 256, keepAlive: true };
const client = new bedrock.BedrockClient({
    region: "us-east-1", endpoint, credentials, requestHandler: { httpAgent: socketsAtOnce } });
const get = (jobIdentifier) => client.send(new bedrock.GetModelCustomizationJobCommand({ jobIdentifier }));

const check = (good) => {
    if (!good) throw new Error("unexpected answer");
};

const makers = {
    get: () => async () => check((await get("abcdefghijkl")).status === "InProgress"),
    async create() {
        const { readFileSync } = await import("node:fs");
        const input = JSON.parse(readFileSync(process.env.BENCH_INPUT + "/create.json"));
        return async () => check((await client.send(new bedrock.CreateModelCustomizationJobCommand(input))).jobArn);
    },
    page: () => async () => {
        const page = await client.send(new bedrock.ListModelCustomizationJobsCommand({ maxResults: 1000 }));
        check(page.modelCustomizationJobSummaries.length === 1000);
    },
    pages: () => async () => {
        let count = 0;
        const pages = bedrock.paginateListModelCustomizationJobs({ client, pageSize: 100, startingToken: "page-001" }, {});
        for await (const page of pages) {
            for (const _ of page.modelCustomizationJobSummaries) count++;
        }
        check(count === 10000);
    },
    parallel: () => async () => {
        const answers = await Promise.all(Array.from({ length: 256 }, () => get("slow")));
        check(answers.every((a) => a.status === "InProgress"));
    },
    async sign() {
        const { SignatureV4 } = await import("@smithy/signature-v4");
        const { createHash, createHmac } = await import("node:crypto");
        class Sha256 {
            constructor(key) { this.hash = key ? createHmac("sha256", key) : createHash("sha256"); }
            update(data) { this.hash.update(data); }
            async digest() { return this.hash.digest(); }
        }
        const signer = new SignatureV4({ credentials, region: "us-east-1", service: "bedrock", sha256: Sha256 });
        const request = {
            method: "POST", protocol: "https:", hostname: "bedrock.us-east-1.amazonaws.com", path: "/model-customization-jobs",
            query: {}, body: "x".repeat(700),
            headers: { host: "bedrock.us-east-1.amazonaws.com", "content-type": "application/json" } };
        return async () => check((await signer.sign(request)).headers.authorization);
    },
};

const cpu = () => {
    const { user, system } = process.cpuUsage();
    return user + system;
};
const wall = () => Number(process.hrtime.bigint()) / 1000;

async function serve() {
    const { createInterface } = await import("node:readline");
    const made = {};
    for await (const line of createInterface({ input: process.stdin })) {
        const [name, n] = line.split(" ");
        if (!makers[name]) {
            console.log("-");
            continue;
        }
        if (!made[name]) {
            made[name] = await makers[name]();
            const until = wall() + 500e3;
            while (wall() < until) await made[name]();
        }
        const clock = name === "parallel" ? wall : cpu;
        const started = clock();
        for (let i = 0; i < n; i++) await made[name]();
        console.log(((clock() - started) / n).toFixed(4));
    }
}

if (once) await makers.get()();
else await serve();
process.exit(0);
