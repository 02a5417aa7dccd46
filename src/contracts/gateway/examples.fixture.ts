/** The published document's examples, as they are printed there. */

export const health = {
  status: 'healthy',
  version: '1.0.0',
  service: 'ai-chatbot-system',
  timestamp: '2024-01-01T00:00:00Z',
  environment: 'production',
  providers_configured: { openai: true, anthropic: true },
};

export const chatRequest = `{
  "message": "Hello, how are you?",
  "model": "gpt-3.5-turbo",
  "temperature": 0.7,
  "max_tokens": 1000,
  "stream": false,
  "system_prompt": "You are a helpful assistant",
  "conversation_history": [
    {"role": "user", "content": "Previous message"},
    {"role": "assistant", "content": "Previous response"}
  ]
}`;

export const chatResponse = {
  response: "I'm doing well, thank you! How can I help you today?",
  model: 'gpt-3.5-turbo',
  request_id: 'req_abc123',
  timestamp: '2024-01-01T00:00:00Z',
  cached: false,
  cache_key: 'hash_xyz',
  similarity_score: 0.95,
  usage: { prompt_tokens: 10, completion_tokens: 15, total_tokens: 25 },
};

export const curlBody = `{
    "message": "Hello!",
    "model": "gpt-3.5-turbo"
  }`;

export const models = [
  {
    id: 'gpt-4',
    name: 'GPT-4',
    provider: 'openai',
    context_length: 8192,
    description: 'Most capable GPT-4 model',
    capabilities: ['chat', 'code', 'analysis'],
    available: true,
    cost_per_token: { input: 0.03, output: 0.06 },
  },
];

export const cacheStats = {
  hits: 1234,
  misses: 567,
  hit_rate: 0.685,
  total_requests: 1801,
  cache_size_bytes: 1048576,
  cache_size_human: '1.0 MB',
  entries: 250,
  avg_response_time_ms: 45.2,
  memory_usage_percent: 12.5,
  evictions: 10,
  last_eviction: '2024-01-01T00:00:00Z',
};

export const warmRequest = `{
  "patterns": ["greeting", "help", "about"],
  "models": ["gpt-3.5-turbo"],
  "limit": 10
}`;

export const chatFrame = `{
  "type": "chat",
  "id": "msg_123",
  "data": {
    "message": "Hello",
    "model": "gpt-3.5-turbo",
    "stream": true,
    "temperature": 0.7,
    "max_tokens": 1000,
    "system_prompt": "You are helpful",
    "conversation_history": []
  }
}`;

export const streamFrame = {
  type: 'stream',
  id: 'msg_123',
  data: { chunk: 'Hello', index: 0, finished: false },
};

export const completeFrame = {
  type: 'complete',
  id: 'msg_123',
  data: {
    response: 'Full response text',
    model: 'gpt-3.5-turbo',
    usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
    cached: false,
  },
};

export const errorFrame = {
  type: 'error',
  id: 'msg_123',
  data: { error: 'Error message', code: 'ERROR_CODE' },
};

export const pingFrame = `{
  "type": "ping",
  "id": "ping_123",
  "timestamp": "2024-01-01T00:00:00Z"
}`;

export const cancelFrame = `{
  "type": "cancel",
  "id": "msg_123"
}`;

export const error = {
  error: 'Error message',
  code: 'ERROR_CODE',
  status_code: 400,
  request_id: 'req_abc123',
  timestamp: '2024-01-01T00:00:00Z',
  details: { field: 'Additional error context' },
};

export const page = {
  data: models,
  pagination: { page: 1, limit: 20, total: 100, pages: 5, has_next: true, has_prev: false },
};
