// Helps tests/openclaw/capture to ask `openclaw policy check` about a config.
//
//   policy.mjs shadow CONFIG POLICY   the config with the policy plugin switched on, as JSON
//   policy.mjs agent CONFIG           an agent to name, where the config has agents of its own
//   policy.mjs reduce                 from standard input, what the tests read of an answer
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const JSON5 = createRequire(import.meta.url)('json5');
const [mode, ...paths] = process.argv.slice(2);
const read = (path) => JSON5.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
const object = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

// What this needs is added beside an `$include`, which lets siblings win.
function shadow(config, policy) {
    if (!object(config.plugins)) config.plugins = {};
    const plugins = config.plugins;
    if (plugins.enabled === false) plugins.enabled = true;
    if (Array.isArray(plugins.allow) && !plugins.allow.includes('policy')) plugins.allow.push('policy');
    if (Array.isArray(plugins.deny)) plugins.deny = plugins.deny.filter((id) => id !== 'policy');
    if (!object(plugins.entries)) plugins.entries = {};
    plugins.entries.policy = { enabled: true, config: { enabled: true, path: policy } };
    return JSON.stringify(config, null, 2);
}

function agent(config) {
    const { entries, list } = config.agents ?? {};
    if (object(entries)) return Object.keys(entries).find((id) => id !== '$include') ?? '';
    return Array.isArray(list) ? (list[0]?.id ?? '') : '';
}

const kept = ['ingress', 'gatewayExposure', 'toolPosture', 'sandboxPosture'];
const kinds = [
    'channelDmPolicy', 'channelGroupPolicy', 'channelRequireMention', 'sessionDmScope',
    'bind', 'auth', 'authRateLimit', 'tailscaleFunnel', 'httpEndpoint',
    'execSecurity', 'execAsk', 'elevatedEnabled', 'elevatedAllowFrom', 'profile', 'mode',
];

const place = (source) => source?.replace(/^oc:\/\/openclaw\.config\//, '');

function reduce(answer) {
    const rows = [];
    for (const section of kept) {
        for (const row of answer.evidence?.[section] ?? []) {
            if (!kinds.includes(row.kind)) continue;
            const { id, ...rest } = row;
            rows.push({ ...rest, source: place(rest.source) });
        }
    }
    const findings = (answer.findings ?? []).map(({ checkId, target, ocPath, path }) => ({
        checkId,
        path: place(ocPath ?? target ?? path),
    }));
    const lines = (list) => (list.length ? `[\n    ${list.map((row) => JSON.stringify(row)).join(',\n    ')}\n  ]` : '[]');
    return `{\n  "evidence": ${lines(rows)},\n  "findings": ${lines(findings)}\n}`;
}

switch (mode) {
    case 'shadow': console.log(shadow(read(paths[0]), paths[1])); break;
    case 'agent': console.log(agent(read(paths[0]))); break;
    case 'reduce': {
        const text = readFileSync(0, 'utf8');
        const start = text.indexOf('{');
        const answer = start < 0 ? {} : JSON.parse(text.slice(start));
        if (!answer.evidence) { console.error(text.slice(0, 600)); process.exit(1); }
        console.log(reduce(answer));
        break;
    }
    default: console.error('policy.mjs: shadow, agent or reduce'); process.exit(2);
}
