/** The console's own sentences, in the browser's language: Chinese, else English. */

const en = {
  model: 'Model',
  newChat: 'New chat',
  settings: 'Settings',
  welcome: 'What would you like to know?',
  offlineNote:
    'No AI provider is configured yet: the built-in model parley-local answers from the knowledge base. Set OPENAI_API_KEY, ANTHROPIC_API_KEY or DASHSCOPE_API_KEY and restart Parley to talk to a language model.',
  suggestions: 'Examples',
  suggestion1: 'What is Parley?',
  suggestion2: 'Which provider keys are there?',
  suggestion3: 'How does the response cache work?',
  conversation: 'Conversation',
  message: 'Message',
  placeholder: 'Message Parley',
  send: 'Send',
  stop: 'Stop',
  keys: 'Enter to send, Shift+Enter for a new line',
  links: 'Documentation',
  docs: 'API docs',
  reference: 'API reference',
  metrics: 'Metrics',
  systemPrompt: 'System prompt',
  systemPromptExample: 'For example: Answer in one short paragraph.',
  temperature: 'Temperature',
  temperatureDefault: 'The model’s own',
  temperatureHint: '0 is the most predictable, 2 the most varied.',
  apiKey: 'API key',
  apiKeyHint: 'Only where the server asks for one. Kept until this tab is closed.',
  server: 'Server',
  done: 'Done',
  defaultModel: 'Default model',
  available: 'Available',
  unavailable: 'Not available: falls back',
  fallsBack: '{name} (falls back)',
  you: 'You',
  answering: 'Answering',
  answered: 'Answer: {text}',
  cached: 'cached',
  notCached: 'not cached',
  instead: '{model} instead of {asked}',
  tokens: '{prompt} + {completion} tokens',
  tokensExplained: 'Tokens of the prompt and of the answer',
  seconds: '{seconds} s',
  milliseconds: '{ms} ms',
  stopped: 'Stopped',
  noText: 'The model answered without text.',
  tryAgain: 'Try again',
  requestId: 'Request id: {id}',
  unreachable: 'The server cannot be reached. Is Parley still running?',
  brokenOff: 'The answer broke off: the connection was lost.',
  unreadable: 'The server answered with status {status}.',
  keyCharacters: 'The API key has characters that no key has. Check it in the settings.',
  noModels: 'The list of models could not be loaded.',
  version: 'Version',
  environment: 'Environment',
  providers: 'Providers with a key',
  none: 'none',
  cache: 'Response cache',
  cacheFacts: '{hits} of {total} answers, {entries} entries, {size}',
  unknown: 'unknown',
};

const zh = {
  model: '模型',
  newChat: '新对话',
  settings: '设置',
  welcome: '想了解什么？',
  offlineNote:
    '尚未配置任何模型服务商：目前由内置的 parley-local 根据知识库回答。设置 OPENAI_API_KEY、ANTHROPIC_API_KEY 或 DASHSCOPE_API_KEY 并重启 Parley，即可与语言模型对话。',
  suggestions: '示例问题',
  suggestion1: 'Parley 是什么？',
  suggestion2: '如何配置模型服务商的密钥？',
  suggestion3: '响应缓存如何工作？',
  conversation: '对话',
  message: '消息',
  placeholder: '给 Parley 发消息',
  send: '发送',
  stop: '停止',
  keys: 'Enter 发送，Shift+Enter 换行',
  links: '文档',
  docs: 'API 文档',
  reference: 'API 参考',
  metrics: '监控指标',
  systemPrompt: '系统提示词',
  systemPromptExample: '例如：请用一小段话回答。',
  temperature: '温度',
  temperatureDefault: '模型默认值',
  temperatureHint: '0 最稳定，2 最多样。',
  apiKey: 'API 密钥',
  apiKeyHint: '仅在服务器要求时填写；关闭此标签页后即清除。',
  server: '服务器',
  done: '完成',
  defaultModel: '默认模型',
  available: '可用',
  unavailable: '不可用：将由备用模型回答',
  fallsBack: '{name}（由备用模型回答）',
  you: '你',
  answering: '正在回答',
  answered: '回答：{text}',
  cached: '来自缓存',
  notCached: '未用缓存',
  instead: '{model}（代替 {asked}）',
  tokens: '{prompt} + {completion} 个 token',
  tokensExplained: '提示与回答各自的 token 数',
  seconds: '{seconds} 秒',
  milliseconds: '{ms} 毫秒',
  stopped: '已停止',
  noText: '模型没有返回文字。',
  tryAgain: '重试',
  requestId: '请求 ID：{id}',
  unreachable: '无法连接服务器。Parley 还在运行吗？',
  brokenOff: '回答中断：连接已断开。',
  unreadable: '服务器返回状态 {status}。',
  keyCharacters: 'API 密钥含有无效字符，请在设置中检查。',
  noModels: '无法加载模型列表。',
  version: '版本',
  environment: '环境',
  providers: '已配置密钥的服务商',
  none: '无',
  cache: '响应缓存',
  cacheFacts: '命中 {hits} / {total} 次，{entries} 条，{size}',
  unknown: '未知',
};

const chinese = navigator.language.toLowerCase().startsWith('zh');
const words = chinese ? zh : en;

/** A sentence, its `{placeholders}` filled in. */
export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/gu, (_, name) => String(values[name]));
}

/** Puts the texts of the page, marked by `data-say…`, into the browser's language. */
export function translatePage() {
  document.documentElement.lang = chinese ? 'zh-CN' : 'en';
  for (const element of document.querySelectorAll('[data-say]'))
    element.textContent = say(element.dataset.say);
  const attributes = { sayLabel: 'aria-label', sayTitle: 'title', sayPlaceholder: 'placeholder' };
  for (const [mark, attribute] of Object.entries(attributes)) {
    const selector = `[data-${mark.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)}]`;
    for (const element of document.querySelectorAll(selector)) {
      element.setAttribute(attribute, say(element.dataset[mark]));
    }
  }
}
