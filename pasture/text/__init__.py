"""What is known of texts: words, sentences, URLs, languages of code, and pieces."""
