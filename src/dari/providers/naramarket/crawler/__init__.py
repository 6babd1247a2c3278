"""The crawler: takes whole periods of an operation, and never says that it has what it has not."""

from dari.providers.naramarket.crawler.book import Book
from dari.providers.naramarket.crawler.crawl import Crawler
from dari.providers.naramarket.crawler.lines import CrawlRow, Progress, success, told
from dari.providers.naramarket.crawler.windows import Span, planned, whole

__all__ = ["Book", "CrawlRow", "Crawler", "Progress", "Span", "planned", "success", "told", "whole"]
