using System.Globalization;

namespace Samples;

/// <summary>Options one after another, as "--name value" or "--name=value".</summary>
internal sealed class CommandLine(IReadOnlyList<string> args)
{
    private int _next;
    private string _name = "";
    private string? _attached;

    /// <summary>The next option's name; null behind the last one.</summary>
    public string? Next()
    {
        if (_attached is not null)
            throw new InputException($"{_name} takes no value; see --help");
        if (_next == args.Count)
            return null;

        string arg = args[_next++];
        int equals = arg.StartsWith('-') ? arg.IndexOf('=', StringComparison.Ordinal) : -1;
        _name = equals < 0 ? arg : arg[..equals];
        _attached = equals < 0 ? null : arg[(equals + 1)..];
        return _name;
    }

    /// <summary>All that follows, whatever it looks like.</summary>
    public IEnumerable<string> Rest()
    {
        for (; _next < args.Count; _next++)
            yield return args[_next];
    }

    public string Text()
    {
        string? value = _attached;
        _attached = null;
        return value ?? (_next < args.Count ? args[_next++] : throw new InputException($"{_name} needs a value; see --help"));
    }

    public long Size()
    {
        string text = Text();
        return Sizes.TryParse(text, out long bytes) && bytes > 0
            ? bytes
            : throw new InputException($"{_name}: '{text}' is not a size; pass a number such as 64K, 16M or 1.5G");
    }

    public int Number(int least, int most)
    {
        string text = Text();
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new InputException($"{_name}: '{text}' is not a whole number from {least} to {most}");
    }

    public InputException Unknown() => new($"unknown option '{_name}'; see --help");
}
