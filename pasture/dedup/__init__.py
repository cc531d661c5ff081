"""Finding duplicates: of documents, of lines, and near ones."""
