using System.Globalization;
using System.Text;

namespace Paging.Formats;

/// <summary>A literal of Python's, as far as headers of .npy files have them: strings, whole numbers, True, False and None, tuples, lists,
/// and dictionaries with strings for keys.</summary>
internal sealed class PythonLiteral
{
    private const int MaxDepth = 32;

    private Dictionary<string, PythonLiteral>? _entries;

    /// <summary>Of a string: what it says.</summary>
    internal string? Text { get; private init; }

    internal long? Number { get; private init; }

    internal bool? Boolean { get; private init; }

    /// <summary>Of a tuple or a list.</summary>
    internal IReadOnlyList<PythonLiteral>? Items { get; private init; }

    internal bool IsTuple { get; private init; }

    /// <summary>Of a dictionary: what stands under a key; null where nothing does.</summary>
    internal PythonLiteral? this[string key] => _entries is not null && _entries.TryGetValue(key, out PythonLiteral? value) ? value : null;

    /// <summary>Reads one literal, and nothing but white space behind it.</summary>
    /// <exception cref="FormatException">It is none of those; the message says where.</exception>
    internal static PythonLiteral Parse(string text)
    {
        int at = 0;
        PythonLiteral value = ParseValue(text, ref at, depth: 0);
        return Peek(text, ref at) == '\0' && at == text.Length ? value : throw Bad(text, at);
    }

    private static PythonLiteral ParseValue(string text, ref int at, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new FormatException($"more than {MaxDepth} brackets are open at character {at:N0}.");
        }

        char first = Peek(text, ref at);
        return first switch
        {
            '\'' or '"' => new PythonLiteral { Text = ParseString(text, ref at) },
            '{' => ParseDictionary(text, ref at, depth),
            '(' => ParseItems(text, ref at, ')', depth),
            '[' => ParseItems(text, ref at, ']', depth),
            '-' or (>= '0' and <= '9') => ParseNumber(text, ref at),
            _ when TryTake(text, ref at, "True") => new PythonLiteral { Boolean = true },
            _ when TryTake(text, ref at, "False") => new PythonLiteral { Boolean = false },
            _ when TryTake(text, ref at, "None") => new PythonLiteral(),
            _ => throw Bad(text, at),
        };
    }

    private static PythonLiteral ParseDictionary(string text, ref int at, int depth)
    {
        at++;
        var entries = new Dictionary<string, PythonLiteral>(StringComparer.Ordinal);
        for (char next = Peek(text, ref at); next != '}'; next = Peek(text, ref at))
        {
            int keyAt = at;
            if (next is not ('\'' or '"'))
            {
                throw Bad(text, at);
            }

            string key = ParseString(text, ref at);
            Take(text, ref at, ':');
            if (!entries.TryAdd(key, ParseValue(text, ref at, depth + 1)))
            {
                throw new FormatException($"a key stands in the dictionary twice, at character {keyAt:N0}.");
            }

            if (Peek(text, ref at) != '}')
            {
                Take(text, ref at, ',');
            }
        }

        at++;
        return new PythonLiteral { _entries = entries };
    }

    private static PythonLiteral ParseItems(string text, ref int at, char close, int depth)
    {
        at++;
        var items = new List<PythonLiteral>();
        bool hasComma = false;
        while (Peek(text, ref at) != close)
        {
            items.Add(ParseValue(text, ref at, depth + 1));
            if (Peek(text, ref at) != close)
            {
                Take(text, ref at, ',');
                hasComma = true;
            }
        }

        at++;

        // Round brackets around one value, without a comma, are just brackets.
        return close == ')' && items.Count == 1 && !hasComma ? items[0] : new PythonLiteral { Items = items, IsTuple = close == ')' };
    }

    private static PythonLiteral ParseNumber(string text, ref int at)
    {
        int start = at;
        at += text[at] == '-' ? 1 : 0;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        if (!long.TryParse(text.AsSpan(start, at - start), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
        {
            throw new FormatException($"the number at character {start:N0} is none, or too large.");
        }

        // Python 2 wrote long numbers with an L.
        at += at < text.Length && text[at] == 'L' ? 1 : 0;
        return new PythonLiteral { Number = number };
    }

    private static string ParseString(string text, ref int at)
    {
        int start = at;
        char quote = text[at++];
        var result = new StringBuilder();
        while (at < text.Length && text[at] != quote)
        {
            // What is escaped stands in names of fields only, which nobody needs to know exactly.
            at += text[at] == '\\' ? 1 : 0;
            if (at < text.Length)
            {
                result.Append(text[at++]);
            }
        }

        if (at >= text.Length)
        {
            throw new FormatException($"the string that begins at character {start:N0} has no end.");
        }

        at++;
        return result.ToString();
    }

    private static bool TryTake(string text, ref int at, string word)
    {
        bool isThere = string.CompareOrdinal(text, at, word, 0, word.Length) == 0;
        at += isThere ? word.Length : 0;
        return isThere;
    }

    private static void Take(string text, ref int at, char wanted)
    {
        if (Peek(text, ref at) != wanted)
        {
            throw Bad(text, at);
        }

        at++;
    }

    /// <summary>The next character that is no white space; a zero at the end.</summary>
    private static char Peek(string text, ref int at)
    {
        while (at < text.Length && text[at] is ' ' or '\t' or '\n' or '\r' or '\f')
        {
            at++;
        }

        return at < text.Length ? text[at] : '\0';
    }

    private static FormatException Bad(string text, int at) =>
        new(at >= text.Length ? "it ends too early." : $"character {(int)text[at]:x} at {at:N0} is not expected there.");
}
