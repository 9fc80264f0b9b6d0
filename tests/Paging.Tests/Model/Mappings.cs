using System.Globalization;

namespace Paging.Tests.Model;

/// <summary>The mappings of this process.</summary>
internal static class Mappings
{
    /// <summary>What the kernel says of the mapping that an address lies in.</summary>
    internal static string FlagsAt(long address)
    {
        bool inside = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            if (char.IsAsciiHexDigitLower(line[0]))
            {
                string[] range = line.Split(' ')[0].Split('-');
                inside = long.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture) <= address
                    && address < long.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            }
            else if (inside && line.StartsWith("VmFlags:", StringComparison.Ordinal))
            {
                return line + " ";
            }
        }

        return "";
    }
}
