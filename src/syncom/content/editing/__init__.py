"""What an editor of templates needs: previews of what is not saved, drafts, versions, blocks."""
