namespace Paging.Peers.Reports;

/// <summary>A table for the terminal and for Markdown: names to the left, figures to the right.</summary>
internal sealed record Table(string Title, string[] Columns, IReadOnlyList<string[]> Rows, string Note = "")
{
    public IEnumerable<string> Lines()
    {
        int[] widths = [.. Columns.Select((c, i) => Rows.Select(r => r[i].Length).Append(c.Length).Max())];
        yield return "";
        yield return Title;
        yield return "  " + Line(Columns, widths);
        yield return "  " + string.Join("  ", widths.Select(w => new string('-', w)));
        foreach (string[] row in Rows)
        {
            yield return "  " + Line(row, widths);
        }

        if (Note.Length > 0)
        {
            yield return "  " + Note;
        }
    }

    public IEnumerable<string> Markdown()
    {
        yield return $"## {Title}";
        yield return "";
        yield return $"| {string.Join(" | ", Columns)} |";
        yield return $"|---|{string.Concat(Enumerable.Repeat("---:|", Columns.Length - 1))}";
        foreach (string[] row in Rows)
        {
            yield return $"| {string.Join(" | ", row)} |";
        }

        yield return "";
        if (Note.Length > 0)
        {
            yield return Note;
            yield return "";
        }
    }

    private static string Line(string[] cells, int[] widths) =>
        string.Join("  ", cells.Select((cell, i) => i == 0 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))).TrimEnd();
}
