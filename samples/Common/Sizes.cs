using System.Globalization;

namespace Samples;

/// <summary>Byte counts as people write them: 64K, 16M, 1.5G. Every unit is a power of 1024.</summary>
internal static class Sizes
{
    private const string Units = "KMGT";

    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        ReadOnlySpan<char> number = TrimUnit(text, out int power);
        const NumberStyles Style = NumberStyles.AllowDecimalPoint;
        if (!decimal.TryParse(number, Style, CultureInfo.InvariantCulture, out decimal value) || value > long.MaxValue)
            return false;

        value *= 1L << (10 * power);
        if (value > long.MaxValue)
            return false;

        bytes = (long)value;
        return true;
    }

    public static string Format(long bytes)
    {
        double value = bytes;
        int power = 0;
        for (; Math.Abs(value) >= 1024 && power < Units.Length; power++)
            value /= 1024;

        string unit = power == 0 ? "B" : $"{Units[power - 1]}iB";
        bool whole = Math.Abs(value - Math.Round(value)) < 0.05;
        return value.ToString(whole ? "#,0" : "#,0.0", CultureInfo.InvariantCulture) + " " + unit;
    }

    // "16M", "16MB" and "16MiB" are the same; so are "512" and "512B".
    private static ReadOnlySpan<char> TrimUnit(ReadOnlySpan<char> text, out int power)
    {
        power = 0;
        if (text.EndsWith("iB", StringComparison.OrdinalIgnoreCase))
            text = text.Length > 2 && !char.IsAsciiDigit(text[^3]) ? text[..^2] : "";
        else if (text.EndsWith("B", StringComparison.OrdinalIgnoreCase))
            text = text[..^1];

        if (text.Length > 0 && Units.IndexOf(char.ToUpperInvariant(text[^1])) is int unit and >= 0)
        {
            power = unit + 1;
            text = text[..^1];
        }

        return text;
    }
}
