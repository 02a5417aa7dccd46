import type { Article, ArticleSummary } from '../../core/knowledge/articles.ts';
import type { Found } from '../../core/knowledge/knowledge.ts';

export function presentArticle(article: Article) {
  return { ...presentArticleSummary(article), content: article.content };
}

export function presentArticleSummary(article: ArticleSummary) {
  const { id, name, title, language, tags, characters, revision, createdBy, createdAt, updatedAt } = article;
  return {
    id,
    name,
    title,
    language,
    tags,
    characters,
    revision,
    created_by: createdBy,
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
  };
}

/** A passage that a search found. */
export function presentPassage({ passage, place, score, coverage }: Found) {
  const { articleId, title, section } = place;
  const file = articleId === null ? passage.source : null;
  return { article_id: articleId, file, title, section, text: passage.text, score, coverage };
}
